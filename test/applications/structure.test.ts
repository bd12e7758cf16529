import { checkStructures } from './golden.ts';

// the large ones take seconds and gigabytes: structure.full.ts
checkStructures((params) => params < 6e7);
