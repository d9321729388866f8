CREATE TABLE testimonial (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  author TEXT NOT NULL,
  affiliation TEXT NOT NULL DEFAULT '',
  quote TEXT NOT NULL,
  created_at TEXT NOT NULL
);
