/** A title as part of an address: "Füße & Füchse" → "fuesse-fuechse". */
export function slug(title) {
  return title
    .toLowerCase()
    .replace(/[äöü]/g, (letter) => ({ ä: 'ae', ö: 'oe', ü: 'ue' })[letter])
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
