create table sighting (id integer primary key, bird text not null, seen_on text not null);
insert into sighting (bird, seen_on)
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 1500)
  select case i % 3 when 0 then 'wren' when 1 then 'robin' else 'kestrel' end, date('2020-01-01', '+' || i || ' days') from n;
