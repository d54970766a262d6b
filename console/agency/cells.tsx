/** Cells that many lists of auditors share: case and reason, time and person. */
import { LongText } from '../kit/long-text.tsx'
import { Time } from '../kit/time.tsx'

export function CaseAndReason(q: { case: string; reason: string; reference?: string | null }) {
  return (
    <>
      <bdi>{q.case}</bdi>
      {q.reference != null && (
        <>
          {' '}
          (<bdi>{q.reference}</bdi>)
        </>
      )}
      <LongText of={q.reason} look="beside" />
    </>
  )
}

export function WhenBy({ at, by }: { at: string; by: string }) {
  return (
    <>
      <Time at={at} />
      <br />
      <bdi class="beside">{by}</bdi>
    </>
  )
}
