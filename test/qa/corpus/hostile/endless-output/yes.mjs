const line = `${'ok 1 - still fine '.repeat(400)}\n`;
const endless = 'x'.repeat(65_536);

function write(stream, text) {
  while (stream.write(text));
  stream.once('drain', () => write(stream, text));
}

write(process.stdout, line);
write(process.stderr, endless);
