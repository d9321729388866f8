import { openStore } from '../../servers/core/store/store.ts';
import { claimOnce } from './claim.ts';
import { type ClaimWork, claimInWindow } from './claim_window.ts';

const { file, session, ms } = JSON.parse(process.argv[2] ?? '') as ClaimWork;
const store = await openStore(file);

await claimInWindow(ms, () => claimOnce(store, session));
