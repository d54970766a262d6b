/**
 * The other end of rights: who may call anything of a client, and what; rights are given and withdrawn there,
 * too.
 */
import { Link, useAddress } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { useNameText } from '../../kit/named.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientHead } from '../clients/tabs.tsx'
import { NamedId } from '../words.tsx'
import { clientPath, type RightTo, type Subject, servicePath } from './shapes.ts'
import { Withdraw, WithdrawAll } from './withdraw.tsx'
import { SubjectOf, Warning, WhatOf } from './words.tsx'

type ServiceClient = Subject & { rights: number; warning?: string }

export function ServiceClients({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const { query } = useAddress()
  const subjectType = query.get('subjectType') ?? ''
  const subjectId = query.get('of') ?? ''
  const nameOf = useNameText(subjectId)
  const mayGive = useMay('addAccessRight')
  const own = `${clientPath(id)}/service-clients`
  const of = (one: Pick<Subject, 'subjectId'> & { subjectType: string }): string =>
    `?${new URLSearchParams({ subjectType: one.subjectType, of: one.subjectId })}`
  return (
    <>
      <ClientHead
        id={id}
        shown="rights"
        note={text('rights.whoMayLead')}
        acts={
          mayGive && (
            <Link to={`${own}/give${subjectId === '' ? '' : of({ subjectType, subjectId })}`} class="button">
              {text('rights.give')}
            </Link>
          )
        }
      />
      {subjectId === '' ? (
        <Table<ServiceClient>
          operation="getServiceClients"
          params={{ clientId: id }}
          caption={text('rights.whoMay')}
          search="rights.search"
          rowKey={(one) => `${one.subjectType} ${one.subjectId}`}
          columns={[
            {
              title: 'rights.who',
              cell: (one) => (
                <>
                  <SubjectOf of={one} />
                  <Warning of={one.warning} />
                </>
              ),
            },
            { title: 'rights.title', number: true, cell: ({ rights }) => number(rights) },
            {
              title: 'rights.what',
              cell: (one) => (
                <Link to={own + of(one)}>
                  <WhatMay of={one} />
                </Link>
              ),
            },
            {
              title: 'common.acts',
              acts: ['deleteAccessRight'],
              cell: (one) => <WithdrawAll client={id} from={one} />,
            },
          ]}
          empty={<p>{text('rights.nobodyAtAll')}</p>}
        />
      ) : (
        <Part
          title={text('rights.whatMay', { subject: nameOf })}
          acts={<Link to={own}>{text('rights.all')}</Link>}
        >
          <Table<RightTo>
            operation="getServiceClientAccessRights"
            params={{ clientId: id }}
            fixed={{ subjectType, subjectId }}
            caption={text('rights.whatMay', { subject: nameOf })}
            rowKey={({ id: right }) => right}
            columns={[
              {
                title: 'services.one',
                cell: ({ serviceId, fullServiceId }) => (
                  <Link to={servicePath(serviceId)}>
                    <NamedId of={fullServiceId} />
                  </Link>
                ),
              },
              { title: 'rights.what', cell: (one) => <WhatOf of={one} /> },
              { title: 'rights.since', cell: ({ createdAt }) => <Time at={createdAt} /> },
              {
                title: 'common.acts',
                acts: ['deleteAccessRight'],
                cell: (one) => <Withdraw serviceId={one.serviceId} service={one.fullServiceId} right={one} />,
              },
            ]}
            empty={<p>{text('rights.nothing')}</p>}
          />
        </Part>
      )}
    </>
  )
}

/** A group by its description, where it has one. */
function WhatMay({ of: { subjectId, name } }: { of: Subject }) {
  const known = useNameText(subjectId)
  const subject = known !== subjectId || name === '' ? known : name
  return <bdi>{text('rights.whatMay', { subject })}</bdi>
}
