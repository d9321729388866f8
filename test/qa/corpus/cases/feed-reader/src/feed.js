/** Titles of an RSS document, in its order. */
export const titles = (xml) => [...xml.matchAll(/<item>[\s\S]*?<title>([^<]*)<\/title>/g)].map(([, title]) => title.trim());
