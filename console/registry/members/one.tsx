/** One member with its subsystems, servers and groups, and its history. */

import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Consequences } from '../consequences.tsx'
import { History } from '../history.tsx'
import { HostingOf } from '../hosting-mandates/of-member.tsx'
import { clientPath, Groups, Members, Servers } from '../links.tsx'
import { MailOf } from '../mail/of-member.tsx'
import { SuspendedNow, SuspendOrLift } from '../suspensions/of-subject.tsx'
import { WebhookOf } from './webhook.tsx'

type Member = {
  id: string
  name: string
  createdAt: string
  subsystems: number
  ownedServers: string[]
  registeredAt: string[]
  succeeds: string[]
  succeededBy: string[]
  groups: { code: string; description: string }[]
}
type Subsystem = { id: string; name: string; createdAt: string }

export function OneMember({ params }: { params: Record<string, string> }) {
  const member = useAnswer<Member>('getMember', { params: { id: params['id']! } })
  return (
    <Show of={member} page="members.one">
      {(data) => <Known {...data} />}
    </Show>
  )
}

function Known(member: Member) {
  const { id, name } = member
  const params = { id }
  return (
    <>
      <Head
        title={name}
        lead={<Copyable value={id} />}
        acts={
          <>
            <Act
              operation="renameMember"
              button={text('members.rename')}
              title={text('members.renameTitle', { name })}
              consequence={<p>{text('members.renameConsequence')}</p>}
              fields={[{ name: 'name', title: 'members.name', maxLength: 255, initial: name }]}
              send={(body, call) => call('renameMember', { params, body })}
              result={() => <p>{text('members.renamed')}</p>}
            />
            <SuspendOrLift kind="member" subject={id} />
            <Act
              operation="deleteMember"
              button={text('members.delete')}
              title={text('members.deleteTitle', { name })}
              consequence={
                <>
                  <p>{text('members.deleteConsequence')}</p>
                  <Consequences operation="deleteMember" params={params} />
                </>
              }
              nameToType={name}
              send={(_, call) => call('deleteMember', { params })}
              result={() => <p>{text('members.deleted')}</p>}
              then={() => goTo('/members')}
            />
          </>
        }
      />
      <SuspendedNow kind="member" subject={id} />
      <Part
        title={text('common.facts')}
        acts={<Link to={`${clientPath(id)}/succession`}>{text('successions.plan')}</Link>}
      >
        <Facts
          of={[
            ['common.createdAt', <Time key="at" at={member.createdAt} />],
            ['members.ownedServers', <Servers key="owned" ids={member.ownedServers} />],
            ['members.registeredAt', <Servers key="registered" ids={member.registeredAt} />],
            ['groups.title', <Groups key="groups" of={member.groups} />],
            ['successions.succeeds', <Members key="succeeds" ids={member.succeeds} />],
            ['successions.succeededBy', <Members key="by" ids={member.succeededBy} />],
          ]}
        />
      </Part>
      <Part
        title={text('subsystems.title')}
        acts={
          <Act
            operation="addSubsystem"
            button={text('subsystems.add')}
            title={text('subsystems.add')}
            consequence={<p>{text('subsystems.addConsequence', { name })}</p>}
            fields={[
              { name: 'subsystemCode', title: 'subsystems.code', hint: 'common.codeHint', maxLength: 255 },
              { name: 'name', title: 'subsystems.name', required: false, maxLength: 255 },
            ]}
            send={({ subsystemCode, name: given }, call) =>
              call('addSubsystem', {
                params,
                body: { subsystemCode, ...(given === '' ? {} : { name: given }) },
              })
            }
            result={() => <p>{text('subsystems.added')}</p>}
          />
        }
      >
        <Table<Subsystem>
          operation="getSubsystems"
          params={params}
          caption={text('subsystems.title')}
          search="subsystems.search"
          order="id"
          rowKey={({ id: own }) => own}
          columns={[
            {
              title: 'subsystems.code',
              sort: 'id',
              cell: ({ id: own }) => (
                <Link to={clientPath(own)}>
                  <bdi class="id">{own.split(':').at(-1)}</bdi>
                </Link>
              ),
            },
            { title: 'subsystems.name', sort: 'name', cell: (one) => <bdi>{one.name}</bdi> },
            {
              title: 'common.createdAt',
              sort: 'createdAt',
              cell: ({ createdAt }) => <Time at={createdAt} />,
            },
          ]}
          empty={<p>{text('subsystems.emptyOfMember')}</p>}
        />
      </Part>
      <MailOf member={id} name={name} />
      <WebhookOf member={id} name={name} />
      <HostingOf member={id} />
      <History of="members" id={id} />
    </>
  )
}
