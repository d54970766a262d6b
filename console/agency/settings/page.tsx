/** What this server is set to: its anchor, its address at the registry, and whether it is in maintenance. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NamedServer } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { type Filed, FiledResult } from '../requests/filed.tsx'
import { AnchorPart } from './anchor.tsx'

type ServerStatus = {
  serverId: string
  address?: string
  maintenance?: { message?: string }
  serverRegistered: boolean
}

const MAX_ADDRESS = 253

export function SettingsPage() {
  const status = useAnswer<ServerStatus>('getInitializationStatus')
  return (
    <Show of={status} page="system.title">
      {(server) => (
        <>
          <Head
            title={text('system.title')}
            lead={<NamedServer id={server.serverId} />}
            acts={<Link to="/first-start">{text('firstStart.title')}</Link>}
          />
          <Part
            title={text('home.server')}
            acts={
              <>
                <ChangeAddress from={server.address} />
                {server.maintenance === undefined ? <Begin /> : <End />}
              </>
            }
          >
            <Facts
              of={[
                ['system.address', <Address key="address" of={server} />],
                ['system.maintenance', <Maintenance key="maintenance" of={server} />],
              ]}
            />
          </Part>
          <AnchorPart />
        </>
      )}
    </Show>
  )
}

function Address({ of: { address, serverRegistered } }: { of: ServerStatus }) {
  if (address === undefined) return text(serverRegistered ? 'system.noAddress' : 'system.notRegistered')
  return <Copyable value={address} label={text('system.address')} />
}

function ChangeAddress({ from }: { from: string | undefined }) {
  return (
    <Act<Filed>
      operation="addressChange"
      button={text('system.changeAddress')}
      title={text('system.changeAddress')}
      consequence={<p>{text('system.changeAddressConsequence')}</p>}
      fields={[
        {
          ...{ name: 'address', title: 'system.newAddress', hint: 'system.addressHint' },
          ...{ initial: from ?? '', maxLength: MAX_ADDRESS },
          check: (value) => (value.trim() === from ? text('system.sameAddress') : undefined),
        },
      ]}
      send={(values, call) => call('addressChange', { body: { address: String(values['address']).trim() } })}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

function Maintenance({ of: { maintenance } }: { of: ServerStatus }) {
  return (
    <>
      {maintenance === undefined ? (
        <Status tone="good" word="system.open" />
      ) : (
        <Status tone="warn" word="system.inMaintenance" />
      )}{' '}
      {text(maintenance === undefined ? 'system.openWhy' : 'system.inMaintenanceWhy')}
      {maintenance?.message !== undefined && (
        <p class="beside">
          <bdi>{maintenance.message}</bdi>
        </p>
      )}
    </>
  )
}

function Begin() {
  return (
    <Act<Filed>
      operation="enableMaintenanceMode"
      button={text('system.beginMaintenance')}
      title={text('system.beginMaintenance')}
      consequence={<p>{text('system.beginConsequence')}</p>}
      fields={[
        {
          ...{ name: 'message', title: 'system.message', hint: 'system.messageHint' },
          ...{ maxLength: 255, required: false },
        },
      ]}
      send={({ message }, call) => {
        const said = String(message).trim()
        return call('enableMaintenanceMode', { body: said === '' ? {} : { message: said } })
      }}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

function End() {
  return (
    <Act<Filed>
      operation="disableMaintenanceMode"
      button={text('system.endMaintenance')}
      look="primary"
      title={text('system.endMaintenance')}
      consequence={<p>{text('system.endConsequence')}</p>}
      send={(_, call) => call('disableMaintenanceMode')}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}
