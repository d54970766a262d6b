/** The part of the feature that its operations use. */
import type { VerificationRuns } from './verification-runs.ts'

export type Needs = { verifications: VerificationRuns }
