import { checkStructures } from './golden.ts';

// the larger ones take seconds each: structure.full.ts
checkStructures((params) => params < 1.2e7);
