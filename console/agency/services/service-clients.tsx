/** The other end of rights: who may call anything of a client, and what. */
import { Link, useAddress } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientTabs } from '../clients/tabs.tsx'
import { Id } from '../words.tsx'
import { clientPath, type Right, type Subject, servicePath } from './shapes.ts'
import { SubjectOf, Warning, WhatOf } from './words.tsx'

type ServiceClient = Subject & { rights: number; warning?: string }
type RightTo = Right & { serviceId: number; fullServiceId: string }

export function ServiceClients({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const { query } = useAddress()
  const subjectType = query.get('subjectType') ?? ''
  const subjectId = query.get('of') ?? ''
  const own = `${clientPath(id)}/service-clients`
  const of = (one: Subject): string =>
    `${own}?${new URLSearchParams({ subjectType: one.subjectType, of: one.subjectId })}`
  return (
    <>
      <Head title={text('rights.whoMay')} lead={text('rights.whoMayLead', { client: id })} />
      <ClientTabs id={id} shown="rights" />
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
              cell: (one) => <Link to={of(one)}>{text('rights.whatMay', { subject: one.subjectId })}</Link>,
            },
          ]}
          empty={<p>{text('rights.nobodyAtAll')}</p>}
        />
      ) : (
        <Part
          title={text('rights.whatMay', { subject: subjectId })}
          acts={<Link to={own}>{text('rights.all')}</Link>}
        >
          <Table<RightTo>
            operation="getServiceClientAccessRights"
            params={{ clientId: id }}
            fixed={{ subjectType, subjectId }}
            caption={text('rights.whatMay', { subject: subjectId })}
            rowKey={({ id: right }) => right}
            columns={[
              {
                title: 'services.one',
                cell: ({ serviceId, fullServiceId }) => (
                  <Link to={servicePath(serviceId)}>
                    <Id of={fullServiceId} />
                  </Link>
                ),
              },
              { title: 'rights.what', cell: (one) => <WhatOf of={one} /> },
              { title: 'rights.since', cell: ({ createdAt }) => <Time at={createdAt} /> },
            ]}
            empty={<p>{text('rights.nothing')}</p>}
          />
        </Part>
      )}
    </>
  )
}
