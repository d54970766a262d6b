/** Asks a second auditor to agree that content may be shown, when the server's policy requires it. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { text } from '../../kit/text.ts'
import { WHY, whyOf } from '../why.ts'

/** Empty when the policy requires no second auditor. */
export function AskForContent({
  of,
  label,
}: {
  /** A search by person has its case and reason already. */
  of:
    | { index: number }
    | { exportId: string }
    | { archiveId: number }
    | { searchId: string; case: string; reason: string }
  label?: string
}) {
  const { api, session } = useConsole()
  if (session.contentFourEyes !== true) return null
  return (
    <Act<unknown>
      operation="askForContent"
      button={text('contentRequests.ask')}
      {...(label === undefined ? {} : { label })}
      reads
      title={text('contentRequests.ask')}
      consequence={<p>{text('contentRequests.askConsequence')}</p>}
      fields={'searchId' in of ? [] : WHY}
      send={(values) =>
        api.call('askForContent', { body: 'searchId' in of ? of : { ...of, ...whyOf(values) } })
      }
      result={() => (
        <p>
          {text('contentRequests.asked')} <Link to="/content-requests">{text('contentRequests.title')}</Link>
        </p>
      )}
    />
  )
}
