/** Counts the signed documents that arrived, by purpose and outcome. */
import type { Metrics } from '#platform/metrics/create-metrics.ts'

/** `outcome` is `ok` or the code of the fault. */
export type CountDocument = (purpose: string, outcome: string) => void

export function countDocuments(metrics: Metrics): CountDocument {
  const documents = metrics.counter('concordat_registration_documents_total', 'Signed documents by outcome', [
    'purpose',
    'outcome',
  ])
  return (purpose, outcome) => documents.inc({ purpose, outcome })
}
