export const config = {
  region: 'eu-central-1',
  accessKeyId: 'AKIAUJZDEGXDNCF32EPF',
  secretAccessKey: '2hpChYgCfrL1spNxnyVmihA+2O76UMFxFkM+R5Kj',
  database: 'postgres://mailer:hGAkWvj7FAc9QeWJKY@db.mailer.example:5432/mails',
  signingKey: `-----BEGIN PRIVATE KEY-----
ORS+6ilI8ihN5KXSc7Tvo+hBKqFYY+kv5ZJr3J1TWDtkwtDDb/xHKas1VOqg6YYZ
Yn9ZhyiA4uoRgnatmUdjAWtGSU8po/799NksnRH9ucAUsdMlHUvTCQCyEZDz+Tdd
J8HyS5SUkCnD8zRA9a9SkpXz9w3QlY7Zkuvqdt7s8Stqcbnr3yBdGBLEPH1qhT61
-----END PRIVATE KEY-----`,
};
