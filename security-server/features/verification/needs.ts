/** What the operations need of the feature. */
import type { Verifications } from './verifications.ts'

export type Needs = { verifications: Verifications }
