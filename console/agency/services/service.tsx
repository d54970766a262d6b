/** One service: how its system is called, its endpoints, and who may call what of it. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NameOf, useTitles } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Tried, TriedConnections } from '../diagnostics/tried.tsx'
import { ServiceCertificates } from './certificates.tsx'
import { AddressOf, isSwitched, SwitchedElsewhere } from './kept-here.tsx'
import { ChangeSettings } from './settings.tsx'
import {
  descriptionPath,
  type Endpoint,
  type Right,
  type Service,
  serviceName,
  servicePath,
} from './shapes.ts'
import { Withdraw } from './withdraw.tsx'
import { SubjectOf, Warning, WhatOf } from './words.tsx'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', '*']

export function ServicePage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<Service>('getService', { params: { id: params['id'] ?? '' } })
  return (
    <Show of={found} page="services.one">
      {(one) => <Found of={one} />}
    </Show>
  )
}

function Found({ of }: { of: Service }) {
  return (
    <>
      <Head
        title={serviceName(of)}
        lead={
          <>
            <Status
              tone={of.disabled ? 'quiet' : 'good'}
              word={of.disabled ? 'services.off' : 'services.on'}
            />{' '}
            <NameOf id={providerOf(of)} /> <Copyable value={of.fullServiceId} label={text('services.one')} />
          </>
        }
        acts={!isSwitched(of) && <ChangeSettings of={of} />}
      />
      {isSwitched(of) ? <SwitchedElsewhere of={of} /> : <Called of={of} />}
      <Rights of={of} />
      {of.type !== 'WSDL' && <Endpoints of={of} />}
    </>
  )
}

/** How its system is called, and by which certificates it is known. */
function Called({ of }: { of: Service }) {
  return (
    <>
      <Part
        title={text('services.settings')}
        acts={
          <>
            <Link to={descriptionPath(of.serviceDescriptionId)}>{text('services.description')}</Link>
            <TryConnection of={of} />
          </>
        }
      >
        <Facts
          of={[
            ['services.address', <AddressOf key="url" url={of.url} />],
            ['services.timeout', text('services.seconds', { seconds: of.timeoutMs / 1000 })],
            [
              'services.calls',
              of.maxConcurrentCalls === 0 ? text('services.noBound') : number(of.maxConcurrentCalls),
            ],
            ['services.verifyTls', text(of.verifyTls ? 'common.yes' : 'common.no')],
            ['services.validate', text(`services.validate.${of.validate}`)],
            ['services.encodedSlash', text(of.allowEncodedSlash ? 'common.yes' : 'common.no')],
          ]}
        />
      </Part>
      <ServiceCertificates of={of} />
    </>
  )
}

/** The subsystem that offers it. */
const providerOf = ({ fullServiceId }: Service): string => fullServiceId.split(':').slice(0, 4).join(':')

function TryConnection({ of: { id, url } }: { of: Service }) {
  return (
    <Act<Tried>
      operation="testConnections"
      button={text('services.tryConnection')}
      title={text('services.tryConnection')}
      consequence={<p class="wrap">{text('services.tryConnectionConsequence', { url })}</p>}
      reads
      shows
      send={(_, call) => call('testConnections', { body: { kind: 'SERVICES', serviceId: id } })}
      result={(tried) => <TriedConnections of={tried} />}
    />
  )
}

function Rights({ of }: { of: Service }) {
  const mayGive = useMay('addAccessRight')
  const titleOf = useTitles(of.accessRights.map(({ subjectId }) => subjectId))
  return (
    <Part
      title={text('rights.title')}
      acts={
        mayGive && (
          <Link to={`${servicePath(of.id)}/give`} class="button">
            {text('rights.give')}
          </Link>
        )
      }
    >
      <p>{text('rights.lead')}</p>
      <HeldTable<Right>
        caption={text('rights.title')}
        name="rights"
        rows={of.accessRights}
        rowKey={({ id }) => id}
        search="rights.search"
        words={({ subjectId }) => titleOf(subjectId)}
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
          { title: 'rights.what', cell: (one) => <WhatOf of={one} /> },
          { title: 'rights.since', cell: ({ createdAt }) => <Time at={createdAt} /> },
          {
            title: 'common.acts',
            acts: ['deleteAccessRight'],
            cell: (one) => <Withdraw serviceId={of.id} right={one} />,
          },
        ]}
        empty={<p>{text('rights.nobody')}</p>}
      />
    </Part>
  )
}

function Endpoints({ of }: { of: Service }) {
  const own = of.endpoints.filter(({ base }) => !base)
  return (
    <Part title={text('services.endpoints')} acts={<AddEndpoint of={of} />}>
      <p>{text('services.endpointsLead')}</p>
      <HeldTable<Endpoint>
        caption={text('services.endpoints')}
        name="endpoints"
        rows={own}
        rowKey={({ id }) => id}
        search="common.searchEndpoint"
        words={({ method, path }) => `${method} ${path}`}
        columns={[
          {
            title: 'services.endpoint',
            cell: ({ method, path }) => <bdi class="id wrap">{`${method} ${path}`}</bdi>,
          },
          {
            title: 'services.endpointFrom',
            cell: ({ generated }) => text(generated ? 'services.fromDocument' : 'services.byHand'),
          },
          {
            title: 'common.acts',
            acts: ['updateEndpoint', 'deleteEndpoint'],
            cell: (one) =>
              !one.generated && (
                <div class="acts">
                  <ChangeEndpoint of={one} />
                  <DeleteEndpoint of={one} />
                </div>
              ),
          },
        ]}
        empty={<p>{text('services.noEndpoint')}</p>}
      />
    </Part>
  )
}

function AddEndpoint({ of }: { of: Service }) {
  return (
    <Act<Endpoint>
      operation="addEndpoint"
      button={text('services.addEndpoint')}
      title={text('services.addEndpoint')}
      consequence={<p>{text('services.addEndpointConsequence')}</p>}
      fields={endpointFields()}
      send={(values, call) =>
        call('addEndpoint', { params: { id: String(of.id) }, body: endpointIn(values) })
      }
      result={() => <p>{text('services.endpointAdded')}</p>}
    />
  )
}

function ChangeEndpoint({ of }: { of: Endpoint }) {
  const title = text('services.changeEndpointThis', { name: `${of.method} ${of.path}` })
  return (
    <Act<Endpoint>
      operation="updateEndpoint"
      button={text('services.changeEndpoint')}
      label={title}
      title={title}
      consequence={<p>{text('services.changeEndpointConsequence')}</p>}
      fields={endpointFields(of)}
      send={(values, call) =>
        call('updateEndpoint', { params: { id: String(of.id) }, body: endpointIn(values) })
      }
      result={() => <p>{text('services.endpointChanged')}</p>}
    />
  )
}

function endpointFields({ method, path }: Partial<Endpoint> = {}): Field[] {
  const options = METHODS.map((value) => ({
    value,
    title: value === '*' ? text('services.anyMethod') : value,
  }))
  return [
    { name: 'method', title: 'services.method', type: 'select', options, initial: method ?? '' },
    {
      ...{ name: 'path', title: 'services.path', hint: 'services.pathHint' },
      ...{ maxLength: 1024, initial: path ?? '' },
    },
  ]
}

function endpointIn({ method, path }: Values): object {
  return { method: String(method), path: String(path).trim() }
}

function DeleteEndpoint({ of: { id, method, path } }: { of: Endpoint }) {
  const name = `${method} ${path}`
  return (
    <Act
      operation="deleteEndpoint"
      button={text('services.deleteEndpoint')}
      label={text('services.deleteEndpointThis', { name })}
      title={text('services.deleteEndpointThis', { name })}
      consequence={<p>{text('services.deleteEndpointConsequence')}</p>}
      nameToType={name}
      send={(_, call) => call('deleteEndpoint', { params: { id: String(id) } })}
      result={() => <p>{text('services.endpointDeleted')}</p>}
    />
  )
}
