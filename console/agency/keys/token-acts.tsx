/** What can be done with a token: unlock and lock it, change its PIN, make a key, take keys over. */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import { useMay } from '../../kit/context.ts'
import type { Field } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { base64Of } from './files.ts'
import { useKeeps } from './keepers.ts'
import { type Key, keyPath, type Token } from './shapes.ts'

const PIN_LENGTH = 128
/** What new PINs have to be like; the server that does not say it has the default. */
type PinPolicy = { minLength: number; classes: number } | undefined
const LEAST_PIN = 8

export function TokenActs({ of }: { of: Token }) {
  const isSoftware = of.type === 'SOFTWARE'
  const mayAdopt = useMay('getFoundKeys')
  if (!of.initialized) return <MakeToken pin={of.pin} />
  return (
    <>
      {of.loggedIn ? (
        <>
          <MakeKey of={of} />
          {isSoftware && <ImportPkcs12 of={of} />}
          {!isSoftware && mayAdopt && (
            <Link to={`/keys/tokens/${of.id}/found`} class="button">
              {text('certs.found')}
            </Link>
          )}
          {of.type !== 'TRANSIT' && <ChangePin of={of} />}
          {of.type !== 'TRANSIT' && <LogOut of={of} />}
        </>
      ) : (
        of.type !== 'TRANSIT' && <LogIn of={of} />
      )}
    </>
  )
}

/** Only before the first start has been finished. */
export function MakeToken({ pin: policy }: { pin: PinPolicy }) {
  return (
    <Act
      operation="initSecurityServer"
      button={text('certs.makeToken')}
      look="primary"
      title={text('certs.makeToken')}
      consequence={
        <>
          <p>{text('certs.makeTokenConsequence')}</p>
          <PolicyNote of={policy} />
          <p class="note">{text('certs.pinLost')}</p>
        </>
      }
      fields={[newPin(policy), repeated()]}
      send={async ({ pin, again }, call) => {
        same(pin, again)
        return call('initSecurityServer', { body: { softwareTokenPin: String(pin) } })
      }}
      result={() => <p>{text('certs.tokenMade')}</p>}
    />
  )
}

export function LogIn({ of }: { of: Pick<Token, 'id' | 'name' | 'type'> }) {
  return (
    <Act
      operation="loginToken"
      button={text('certs.logIn')}
      label={text('certs.logInThis', { name: of.name })}
      look="primary"
      title={text('certs.logInThis', { name: of.name })}
      consequence={<p>{text(of.type === 'SOFTWARE' ? 'certs.logInConsequence' : 'certs.logInHardware')}</p>}
      fields={[secret('pin', 'certs.pin')]}
      send={({ pin }, call) => call('loginToken', { params: { tokenId: of.id }, body: { pin: String(pin) } })}
      result={() => <p>{text('certs.loggedIn')}</p>}
    />
  )
}

function LogOut({ of }: { of: Token }) {
  return (
    <Act
      operation="logoutToken"
      button={text('certs.logOut')}
      label={text('certs.logOutThis', { name: of.name })}
      title={text('certs.logOutThis', { name: of.name })}
      consequence={<p>{text('certs.logOutConsequence')}</p>}
      nameToType={of.name}
      send={(_, call) => call('logoutToken', { params: { tokenId: of.id } })}
      result={() => <p>{text('certs.loggedOut')}</p>}
    />
  )
}

function ChangePin({ of }: { of: Token }) {
  return (
    <Act
      operation="updateTokenPin"
      button={text('certs.changePin')}
      title={text('certs.changePin')}
      consequence={
        <>
          <p>{text(of.type === 'SOFTWARE' ? 'certs.changePinConsequence' : 'certs.changePinHardware')}</p>
          <PolicyNote of={of.pin} />
        </>
      }
      fields={[secret('oldPin', 'certs.oldPin'), newPin(of.pin), repeated()]}
      send={async ({ oldPin, pin, again }, call) => {
        same(pin, again)
        return call('updateTokenPin', {
          params: { tokenId: of.id },
          body: { oldPin: String(oldPin), newPin: String(pin) },
        })
      }}
      result={() => <p>{text('certs.pinChanged')}</p>}
    />
  )
}

function PolicyNote({ of }: { of: PinPolicy }) {
  return of === undefined ? null : (
    <p>{text('certs.pinPolicy', { length: of.minLength, classes: of.classes })}</p>
  )
}

/** Counted as the server does it: characters, and not the units of a string. */
function newPin(policy: PinPolicy): Field {
  const minLength = policy?.minLength ?? LEAST_PIN
  return {
    ...secret('pin', 'certs.newPin'),
    // The dialog says above what the policy wants.
    hint: policy === undefined ? 'certs.pinHint' : 'certs.pinSentence',
    check: (value) =>
      [...value.normalize('NFC')].length < minLength
        ? text('certs.pinShort', { length: minLength })
        : undefined,
  }
}

function secret(name: string, title: 'certs.pin' | 'certs.newPin' | 'certs.oldPin'): Field {
  return { name, title, type: 'secret', maxLength: PIN_LENGTH }
}

function repeated(): Field {
  return { name: 'again', title: 'certs.newPinAgain', type: 'secret', maxLength: PIN_LENGTH }
}

function same(one: unknown, other: unknown): void {
  if (one !== other) throw new ApiFault(400, { message: text('certs.pinsDiffer') })
}

function MakeKey({ of }: { of: Token }) {
  const keeps = useKeeps()
  const usages = (['SIGNING', 'AUTHENTICATION'] as const).filter(
    (usage) => usage === 'SIGNING' || (of.type === 'SOFTWARE' && keeps(usage)),
  )
  return (
    <Act<Key>
      operation="addKey"
      button={text('certs.make')}
      label={text('certs.makeOn', { name: of.name })}
      look="primary"
      title={text('certs.makeOn', { name: of.name })}
      consequence={<p>{text('certs.makeConsequence')}</p>}
      fields={[
        {
          ...{ name: 'usage', title: 'certs.usage', hint: 'certs.usageHint', type: 'select' },
          initial: usages.length === 1 ? usages[0]! : '',
          options: usages.map((value) => ({ value, title: text(`certs.usage.${value}`) })),
        },
        { name: 'label', title: 'certs.label', hint: 'certs.labelHint', maxLength: 255 },
        {
          ...{ name: 'algorithm', title: 'certs.algorithm', hint: 'certs.algorithmHint', type: 'select' },
          initial: 'P-256',
          options: ['P-256', 'RSA-2048', 'RSA-3072'].map((value) => ({ value, title: value })),
        },
      ]}
      send={(values, call) =>
        call('addKey', {
          params: { tokenId: of.id },
          body: { ...values, label: String(values['label']).trim() },
        })
      }
      result={() => <p>{text('certs.made')}</p>}
      then={({ id }) => goTo(keyPath(id))}
    />
  )
}

function ImportPkcs12({ of }: { of: Token }) {
  return (
    <Act<Key[]>
      operation="importPkcs12"
      button={text('certs.takeOver')}
      title={text('certs.takeOver')}
      consequence={<p>{text('certs.takeOverConsequence')}</p>}
      fields={[
        { name: 'file', title: 'certs.p12File', type: 'file' },
        { name: 'password', title: 'certs.p12Password', type: 'secret', maxLength: 255, required: false },
        { name: 'keyconf', title: 'certs.keyconf', hint: 'certs.keyconfHint', type: 'file', required: false },
        {
          ...{ name: 'usage', title: 'certs.usage', hint: 'certs.usageOfFile', type: 'select' },
          required: false,
          options: (['SIGNING', 'AUTHENTICATION'] as const).map((value) => ({
            value,
            title: text(`certs.usage.${value}`),
          })),
        },
      ]}
      send={async ({ file, password, keyconf, usage }, call) =>
        call('importPkcs12', {
          params: { tokenId: of.id },
          body: {
            files: [await base64Of(file as File)],
            password: String(password),
            ...(keyconf instanceof File && keyconf.size > 0 && { keyconf: await base64Of(keyconf) }),
            ...(usage !== '' && { usage }),
          },
        })
      }
      result={(all) => <p>{text('certs.takenOver', { count: all.length })}</p>}
    />
  )
}
