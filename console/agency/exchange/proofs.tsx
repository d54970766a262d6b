/** The proofs of a record, each as a word: its signature, its time-stamp, its place in the log. */
import type { Loaded } from '../../kit/load.ts'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import type { ExchangeRecord, Verdicts } from './records.ts'

const VERDICTS: Record<string, [Tone, TextKey]> = {
  'TOTAL-PASSED': ['good', 'proof.passed'],
  'TOTAL-FAILED': ['bad', 'proof.failed'],
  INDETERMINATE: ['warn', 'proof.indeterminate'],
}

/**
 * The verdict covers more than the signature: also the place in the log, the contents of the commitments, and
 * the request that an answer belongs to.
 */
export function Signature({ record, verdicts }: { record: ExchangeRecord; verdicts: Loaded<Verdicts> }) {
  const { index, erased } = record
  if (verdicts.state === 'loading') {
    return (
      <Proof of="proof.verdict">
        <span class="loading">{text('proof.checking')}</span>
      </Proof>
    )
  }
  const found =
    verdicts.state === 'there' ? verdicts.data.records.find((one) => one.index === index) : undefined
  if (erased !== null) {
    return (
      <Proof of="proof.verdict">
        <Status tone="quiet" word="proof.erased" />
      </Proof>
    )
  }
  if (found === undefined) {
    return (
      <Proof of="proof.verdict">
        <Status tone="warn" word="proof.unchecked" />
        {verdicts.state === 'refused' && <span class="beside"> {verdicts.fault.message}</span>}
      </Proof>
    )
  }
  const [tone, word] = VERDICTS[found.verdict] ?? ['warn', 'proof.indeterminate']
  const outdated = verdicts.state === 'there' ? verdicts.outdated : undefined
  return (
    <Proof of="proof.verdict">
      <Status tone={tone} word={word} />
      {outdated !== undefined && (
        <span class="beside">
          {' '}
          {text('kit.notRefreshed')} <Time at={outdated.since} exact />
        </span>
      )}
    </Proof>
  )
}

export function Stamped({ record: { timeStamp, form } }: { record: ExchangeRecord }) {
  if (form.signature === '') {
    return (
      <Proof of="proof.stamp">
        <Status tone="quiet" word="proof.notSigned" />
      </Proof>
    )
  }
  return (
    <Proof of="proof.stamp">
      {timeStamp === null ? (
        <Status tone="warn" word="proof.waits" />
      ) : (
        <>
          <Status tone="good" word="proof.stamped" /> <Time at={timeStamp.time} exact />
        </>
      )}
    </Proof>
  )
}

export function InTree({ record: { proof, index } }: { record: ExchangeRecord }) {
  return (
    <Proof of="proof.tree">
      <Status tone={proof.holds ? 'good' : 'bad'} word={proof.holds ? 'proof.inTree' : 'proof.notInTree'} />{' '}
      {text('proof.place', { index: String(index), size: proof.size })}
    </Proof>
  )
}

function Proof({ of, children }: { of: TextKey; children: preact.ComponentChildren }) {
  return (
    <>
      <span class="beside">{text(of)}</span> <span>{children}</span>
    </>
  )
}
