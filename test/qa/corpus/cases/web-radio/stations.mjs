export const stations = [
  { id: 'jazz', name: 'Night Train', url: 'https://radio.example/jazz' },
  { id: 'news', name: 'On the Hour', url: 'https://radio.example/news' },
];

export const byId = (id) => stations.find((station) => station.id === id);
