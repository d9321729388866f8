/** The value of a cell: "=A1+2*B1" computed over the others, anything else as it stands. No eval(): cells come from strangers. */
export function compute(cell, cells) {
  if (!cell.startsWith('=')) return cell;
  const reader = { tokens: [...tokens(cell.slice(1), cells)], at: 0 };
  const value = evaluate(reader);
  if (reader.at < reader.tokens.length) throw new SyntaxError('a formula is numbers, cells, + - * and brackets');
  return value;
}

function* tokens(text, cells) {
  const pattern = /\s*(?:([A-Z]\d+)|(\d+(?:\.\d+)?)|([-+*()]))/gy;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const [, name, number, sign] = match;
    yield sign ?? Number(name ? (cells[name] ?? 0) : number);
  }
}

function evaluate(reader) {
  let sum = product(reader);
  while (['+', '-'].includes(reader.tokens[reader.at])) sum += reader.tokens[reader.at++] === '+' ? product(reader) : -product(reader);
  return sum;
}

function product(reader) {
  let value = factor(reader);
  while (reader.tokens[reader.at] === '*') {
    reader.at += 1;
    value *= factor(reader);
  }
  return value;
}

function factor(reader) {
  const token = reader.tokens[reader.at++];
  if (typeof token === 'number') return token;
  if (token !== '(') throw new SyntaxError('a number or a cell is missing');
  const inner = evaluate(reader);
  if (reader.tokens[reader.at++] !== ')') throw new SyntaxError('a bracket is not closed');
  return inner;
}
