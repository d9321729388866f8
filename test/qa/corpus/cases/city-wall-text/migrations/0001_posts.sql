create table post (
  id integer primary key,
  title text not null,
  text text not null
);
insert into post (title, text) values ('Lost cat', 'Grey, answers to Mo.'), ('Choir', 'We meet on Mondays.');
