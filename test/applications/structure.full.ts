import { checkStructures } from './golden.ts';

checkStructures((params) => params >= 6e7);
