// Was run by hand for the first release.
import { isLeap } from '../index.js';

if (!isLeap(2024) || isLeap(1900)) throw new Error('leap years');
