/** The value of a cell: "=A1+2*B1" computed over the others, anything else as it stands. */
export function compute(cell, cells) {
  if (!cell.startsWith('=')) return cell;
  const expression = cell.slice(1).replace(/\b([A-Z]\d+)\b/g, (_, name) => `(${Number(cells[name] ?? 0)})`);
  return eval(expression);
}
