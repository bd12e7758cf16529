import { describeFiveSteps } from '../helpers/five-steps-records.ts';

// what five-steps.test.ts leaves
describeFiveSteps('others');
