/** After the first answered call: what a server needs before others depend on it. */
import { Link } from '../../kit/address.tsx'
import { mayCall } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { type TextKey, text } from '../../kit/text.ts'

/** Where each is done, and who may do it. */
const NEXT: [TextKey, TextKey, string, string][] = [
  ['firstStart.then.people', 'firstStart.then.peopleWhy', '/people', 'invitePerson'],
  ['firstStart.then.systems', 'firstStart.then.systemsWhy', '/keys/internal-tls', 'getSystemCertificate'],
  ['firstStart.then.backups', 'firstStart.then.backupsWhy', '/backups', 'getBackups'],
  ['firstStart.then.witnesses', 'firstStart.then.witnessesWhy', '/witnesses', 'getLogWitnesses'],
  ['firstStart.then.retention', 'firstStart.then.retentionWhy', '/retention', 'getRetention'],
  ['firstStart.then.diagnostics', 'firstStart.then.diagnosticsWhy', '/diagnostics', 'getDiagnostics'],
]

export function Ready() {
  const { session } = useConsole()
  return (
    <Part title={text('firstStart.ready')}>
      <p>{text('firstStart.readyWhy')}</p>
      <h3>{text('firstStart.then')}</h3>
      <ul class="plain-list ruled">
        {NEXT.filter(([, , , operation]) => mayCall(session, operation)).map(([title, why, to]) => (
          <li key={to}>
            <Link to={to}>{text(title)}</Link>
            <p class="beside">{text(why)}</p>
          </li>
        ))}
      </ul>
    </Part>
  )
}
