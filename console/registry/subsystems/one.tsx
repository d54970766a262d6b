/** One subsystem: its member, the servers where it is registered, its groups. */

import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Consequences } from '../consequences.tsx'
import { History } from '../history.tsx'
import { clientPath, Groups, Servers } from '../links.tsx'
import { SuspendedNow, SuspendOrLift } from '../suspensions/of-subject.tsx'
import { memberOf, type Subsystem } from './page.tsx'

type Known = Subsystem & { registeredAt: string[]; groups: { code: string; description: string }[] }

export function OneSubsystem({ params }: { params: Record<string, string> }) {
  const subsystem = useAnswer<Known>('getSubsystem', { params: { id: params['id']! } })
  return (
    <Show of={subsystem} page="subsystems.one">
      {({ id, name, memberName, createdAt, registeredAt, groups }) => (
        <>
          <Head
            title={name === '' ? id.split(':').at(-1)! : name}
            lead={<Copyable value={id} />}
            acts={
              <>
                <SuspendOrLift kind="subsystem" subject={id} />
                <Act
                  operation="deleteSubsystem"
                  button={text('subsystems.delete')}
                  title={text('subsystems.deleteTitle', { name: id })}
                  consequence={
                    <>
                      <p>{text('subsystems.deleteConsequence')}</p>
                      <Consequences operation="deleteSubsystem" params={{ id }} />
                    </>
                  }
                  nameToType={id.split(':').at(-1)!}
                  send={(_, call) => call('deleteSubsystem', { params: { id } })}
                  result={() => <p>{text('subsystems.deleted')}</p>}
                  then={() => goTo(clientPath(memberOf(id)))}
                />
              </>
            }
          />
          <SuspendedNow kind="subsystem" subject={id} />
          <Part title={text('common.facts')}>
            <Facts
              of={[
                [
                  'subsystems.state',
                  registeredAt.length === 0 ? (
                    <Status key="state" tone="warn" word="status.notRegistered" />
                  ) : (
                    <Status key="state" tone="good" word="status.registered" />
                  ),
                ],
                [
                  'members.one',
                  <Link key="member" to={clientPath(memberOf(id))}>
                    <bdi>{memberName}</bdi>
                  </Link>,
                ],
                ['common.createdAt', <Time key="at" at={createdAt} />],
                ['members.registeredAt', <Servers key="servers" ids={registeredAt} />],
                ['groups.title', <Groups key="groups" of={groups} />],
              ]}
            />
          </Part>
          <History of="subsystems" id={id} />
        </>
      )}
    </Show>
  )
}
