/** The part of Cloudflare's D1 that this product uses. */
export interface Database {
  prepare(sql: string): Statement;
}
interface Statement {
  bind(...values: (string | number)[]): Statement;
  run(): Promise<unknown>;
  all<Row>(): Promise<{ results: Row[] }>;
}

export interface NewTestimonial {
  author: string;
  /** Role and company, as one line; may be empty. */
  affiliation: string;
  quote: string;
}
export interface Testimonial extends NewTestimonial {
  id: number;
  /** ISO 8601, UTC. */
  created_at: string;
}

export async function addTestimonial(db: Database, testimonial: NewTestimonial, now: Date): Promise<void> {
  await db
    .prepare('INSERT INTO testimonial (author, affiliation, quote, created_at) VALUES (?, ?, ?, ?)')
    .bind(testimonial.author, testimonial.affiliation, testimonial.quote, now.toISOString())
    .run();
}

/** The newest first; `before` is the id that the page before ended with. */
export async function listTestimonials(
  db: Database,
  limit: number,
  before = Number.MAX_SAFE_INTEGER,
): Promise<Testimonial[]> {
  const { results } = await db
    .prepare(
      'SELECT id, author, affiliation, quote, created_at FROM testimonial WHERE id < ? ORDER BY id DESC LIMIT ?',
    )
    .bind(before, limit)
    .all<Testimonial>();
  return results;
}
