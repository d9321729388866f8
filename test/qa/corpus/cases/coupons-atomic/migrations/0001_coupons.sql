create table customer (token text primary key, name text not null, credit integer not null default 0);
create table coupon (code text primary key, worth integer not null, used_by text);
insert into customer values ('lea-6620', 'lea', 0), ('max-1181', 'max', 0);
insert into coupon values ('SPRING-9KQ2', 500, null), ('SUMMER-X71B', 500, null), ('AUTUMN-P3ZZ', 1000, null);
