create table book (id integer primary key, title text not null, author text not null, public integer not null default 1);
insert into book (title, author, public) values
  ('Emma', 'Jane Austen', 1), ('Effi Briest', 'Theodor Fontane', 1), ('O''Malley''s Bar', 'N. Cave', 1), ('Unpublished diary', 'The librarian', 0);
