/**
 * The history of what was applied to this server from declared files, and what was changed since by other
 * means.
 */
import { revisionsFeature } from '#platform/revisions/revisions-feature.ts'
import { DECLARED_ACTS } from './declared-acts.ts'

export const revisions = revisionsFeature(DECLARED_ACTS)
