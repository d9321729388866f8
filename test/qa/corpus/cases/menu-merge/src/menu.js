/** The menu of the day over the menu of the week; a dish of null is off the menu. */
export function menu(week, day) {
  const merged = { ...week, ...day };
  return Object.fromEntries(Object.entries(merged).filter(([, dish]) => dish !== null));
}
