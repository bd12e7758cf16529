import { checkStructures } from './golden.ts';

checkStructures((params) => params >= 1.2e7);
