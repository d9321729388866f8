const sample = { name: 'Ada Example', order: 'A-1001', total: '39.90 €' };

/** Fills in what stands between double braces. */
export function render(template) {
  return template.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name) => (Object.hasOwn(sample, name) ? sample[name] : whole));
}
