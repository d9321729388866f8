import { createReadStream } from 'node:fs';

const LONGEST_LINE = 1_000_000;
const NEWLINE = 0x0a;

/** A line of a file by its number from 1; of one that is too long, nothing but that. */
export interface Line {
  readonly n: number;
  readonly text: string;
  readonly tooLong: boolean;
}

/** The lines of a file in UTF-8 that say something, one at a time: what a line may take bounds the memory used. */
export async function* linesOf(file: string): AsyncGenerator<Line> {
  let n = 0;
  let kept: Buffer[] = [];
  let size = 0;
  const ended = (): Line => {
    n += 1;
    const tooLong = size > LONGEST_LINE;
    const text = tooLong ? '' : Buffer.concat(kept).toString('utf8').trim();
    kept = [];
    size = 0;
    return { n, text: n === 1 ? text.replace(/^\ufeff/, '') : text, tooLong };
  };
  const add = (part: Buffer) => {
    size += part.length;
    if (size > LONGEST_LINE) kept = [];
    else kept.push(part);
  };
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      from = at + 1;
      const line = ended();
      if (line.tooLong || line.text !== '') yield line;
    }
    add(chunk.subarray(from));
  }
  if (size > 0) {
    const line = ended();
    if (line.tooLong || line.text !== '') yield line;
  }
}
