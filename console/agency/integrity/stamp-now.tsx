/** Time-stamps for what waits for one, now instead of at the next interval. */
import { Act } from '../../kit/act.tsx'
import { text } from '../../kit/text.ts'

export function StampNow() {
  return (
    <Act<{ batches: number }>
      operation="timeStampMessageLog"
      button={text('integrity.stamp')}
      title={text('integrity.stamp')}
      consequence={<p>{text('integrity.stampConsequence')}</p>}
      send={(_, call) => call('timeStampMessageLog')}
      result={({ batches }) => <p>{text('integrity.stampedNow', { count: batches })}</p>}
    />
  )
}
