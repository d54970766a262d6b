/**
 * Says that the operator lets one more administrator in, and until when. A reader who did not expect it can
 * close it.
 */
import { Act } from '../../kit/act.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import type { Overview } from '../overview/waiting.ts'

export function Reopened() {
  const overview = useAnswer<Overview>('getOverview')
  const until = overview.state === 'there' ? overview.data.installation.reopenedUntil : undefined
  if (until === undefined) return null
  return (
    <Part
      title={text('reopened.title')}
      acts={
        <Act
          operation="closeInstallation"
          button={text('reopened.close')}
          title={text('reopened.close')}
          consequence={<p>{text('reopened.closeConsequence')}</p>}
          send={(_, call) => call('closeInstallation')}
          result={() => <p>{text('reopened.closed')}</p>}
        />
      }
    >
      <p>
        {text('reopened.why')} <Time at={until} relative />
      </p>
    </Part>
  )
}
