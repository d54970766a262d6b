/** What the operations need of the feature. */
import type { VerificationRuns } from './verification-runs.ts'

export type Needs = { verifications: VerificationRuns }
