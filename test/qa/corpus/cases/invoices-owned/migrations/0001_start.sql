create table account (id integer primary key, name text not null, token text not null unique);
create table invoice (id integer primary key, account_id integer not null references account (id), total_cents integer not null, to_name text not null);
insert into account values (1, 'ada', 'tok_ada_51c0'), (2, 'bernd', 'tok_bernd_9e2d');
insert into invoice values (1, 1, 12000, 'Ada Lovelace, London'), (2, 2, 78050, 'Bernd Brot, Erfurt'), (3, 1, 300, 'Ada Lovelace, London');
