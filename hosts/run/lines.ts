/** A longer line is no event that anything here needs: it is dropped up to its end. */
const LONGEST_LINE = 16 << 20;

/** Gives each whole line of a stream to `take`, in the order it came. */
export function byLine(take: (line: string) => void): (chunk: Buffer | string) => void {
  let rest = '';
  let isDropping = false;
  return (chunk) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!isDropping && line.trim() !== '') take(line);
      isDropping = false;
    }
    if (rest.length > LONGEST_LINE) {
      rest = '';
      isDropping = true;
    }
  };
}

/** The object that a line is in JSON; undefined for anything else. */
export function objectIn<T extends object>(line: string): Partial<T> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Partial<T>) : undefined;
  } catch {
    return undefined;
  }
}
