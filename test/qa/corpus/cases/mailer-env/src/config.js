const needed = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'DATABASE_URL'];

export const config = {
  region: process.env.AWS_REGION ?? 'eu-central-1',
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
  database: process.env.DATABASE_URL,
  /** SHA-256 of the list of blocked senders; public. */
  blocklist: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};

export const missing = () => needed.filter((name) => !process.env[name]);
