/**
 * One service description: whether its services are on, what a new document would change, and the services.
 */
import type { ComponentChildren } from 'preact'
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Saved } from '../../kit/saved.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'
import { partsOf } from './changes.tsx'
import { AddressOf, isSwitched, SourceOf, SwitchedElsewhere } from './kept-here.tsx'
import { NewDocument } from './new-document.tsx'
import {
  clientPath,
  type Description,
  descriptionName,
  type Service,
  serviceName,
  servicePath,
} from './shapes.ts'
import { DescriptionState } from './words.tsx'

const MAX_NOTICE = 255

export function DescriptionPage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<Description>('getServiceDescription', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="services.description">
      {(one) => <Found of={one} />}
    </Show>
  )
}

function Found({ of }: { of: Description }) {
  const hasDocument = of.type !== 'REST'
  const switched = of.services.find(isSwitched)
  return (
    <>
      <Head
        title={descriptionName(of)}
        lead={<DescriptionState of={of} />}
        acts={
          <>
            {of.disabled ? <Enable of={of} /> : switched === undefined && <Disable of={of} />}
            {hasDocument && <Download of={of} />}
            {switched === undefined && <Delete of={of} />}
          </>
        }
      />
      {switched !== undefined && <SwitchedElsewhere of={switched} />}
      <Part title={text('common.facts')}>
        <Facts
          of={[
            [
              'clients.one',
              <Link key="client" to={clientPath(of.clientId)}>
                <NamedId of={of.clientId} />
              </Link>,
            ],
            ['services.typeTitle', text(`services.type.${of.type}`)],
            ['services.source', <SourceOf key="source" of={of} />],
            ...partsFact(of),
            ['services.updated', <Time key="updated" at={of.updatedAt} relative />],
          ]}
        />
      </Part>
      <Part title={text('clients.services')}>
        <Services of={of.services} />
      </Part>
      {hasDocument && switched === undefined && <NewDocument of={of} />}
    </>
  )
}

function partsFact({ parts }: Description): [TextKey, ComponentChildren][] {
  if (parts === undefined) return []
  const items = partsOf(parts).map((one, at) => <li key={at}>{one}</li>)
  return [
    [
      'services.parts',
      <ul key="parts" class="plain-list">
        {items}
      </ul>,
    ],
  ]
}

function Services({ of }: { of: Service[] }) {
  return (
    <HeldTable<Service>
      caption={text('clients.services')}
      rows={of}
      rowKey={({ id }) => id}
      search="services.searchDescriptions"
      words={(one) => `${serviceName(one)} ${one.url}`}
      columns={[
        {
          title: 'services.one',
          cell: (one) => (
            <Link to={servicePath(one.id)}>
              <bdi>{serviceName(one)}</bdi>
            </Link>
          ),
        },
        { title: 'services.address', cell: ({ url }) => <AddressOf url={url} /> },
        {
          title: 'services.timeout',
          number: true,
          cell: ({ timeoutMs }) => text('services.seconds', { seconds: timeoutMs / 1000 }),
        },
        { title: 'services.validated', cell: ({ validate }) => text(`services.validate.${validate}`) },
        {
          title: 'rights.title',
          number: true,
          cell: ({ accessRights }) => number(accessRights.length),
        },
      ]}
      empty={<p>{text('services.noService')}</p>}
    />
  )
}

export function Enable({ of }: { of: Description }) {
  return (
    <Act<Description>
      operation="enableServiceDescription"
      button={text('services.enable')}
      look="primary"
      title={text('services.enableThis', { name: descriptionName(of) })}
      consequence={<p>{text('services.enableConsequence', { count: of.services.length })}</p>}
      send={(_, call) => call('enableServiceDescription', { params: { id: String(of.id) } })}
      result={() => <p>{text('services.enabled')}</p>}
    />
  )
}

function Disable({ of }: { of: Description }) {
  return (
    <Act<Description>
      operation="disableServiceDescription"
      button={text('services.disable')}
      title={text('services.disableThis', { name: descriptionName(of) })}
      consequence={<p>{text('services.disableConsequence', { count: of.services.length })}</p>}
      fields={[
        {
          ...{ name: 'notice', title: 'services.notice', hint: 'services.noticeHint' },
          ...{ maxLength: MAX_NOTICE, required: false },
        },
      ]}
      send={({ notice }, call) =>
        call('disableServiceDescription', {
          params: { id: String(of.id) },
          body: { notice: String(notice).trim() },
        })
      }
      result={() => <p>{text('services.disabled')}</p>}
    />
  )
}

function Download({ of }: { of: Description }) {
  const { api } = useConsole()
  return (
    <Act<File>
      operation="getServiceDescriptionDocument"
      button={text('services.download')}
      title={text('services.download')}
      consequence={<p>{text('services.downloadConsequence')}</p>}
      reads
      send={() => api.download('getServiceDescriptionDocument', { params: { id: String(of.id) } })}
      result={(file) => <Saved file={file} />}
    />
  )
}

function Delete({ of }: { of: Description }) {
  const name = descriptionName(of)
  return (
    <Act
      operation="deleteServiceDescription"
      button={text('services.delete')}
      title={text('services.deleteThis', { name })}
      consequence={<p>{text('services.deleteConsequence', { count: of.services.length })}</p>}
      nameToType={name}
      send={(_, call) => call('deleteServiceDescription', { params: { id: String(of.id) } })}
      result={() => <p>{text('services.deleted')}</p>}
      then={() => goTo(clientPath(of.clientId))}
    />
  )
}
