create table team (id integer primary key, name text not null);
create table game (id integer primary key, team_id integer not null, goals integer not null);
create index game_team on game (team_id);
insert into team (name) with recursive n(i) as (select 1 union all select i + 1 from n where i < 120) select 'Team ' || i from n;
insert into game (team_id, goals) select id, id % 7 from team;
