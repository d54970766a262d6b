/** Reads a running instance: from the addresses of its anchor, or from its published files. */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import type { Field, Values } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { importPath } from './import.tsx'

/** The API's limits in characters, so that a wrong file is not read into memory. */
const MOST = {
  anchor: 1_048_576,
  directory: 1_048_576,
  sharedParameters: 41_943_040,
  privateParameters: 1_048_576,
}
type Name = keyof typeof MOST

const FIELDS: Field[] = (Object.keys(MOST) as Name[]).map((name) => ({
  ...{ name, title: `imports.${name}`, hint: `imports.${name}Hint` },
  ...{ type: 'file', required: name === 'anchor' },
}))

export function AddImport() {
  return (
    <Act<{ id: number }>
      operation="addImport"
      button={text('imports.add')}
      look="primary"
      title={text('imports.add')}
      consequence={<p>{text('imports.addConsequence')}</p>}
      fields={FIELDS}
      send={async (values, call) => call('addImport', { body: await textsOf(values) })}
      result={() => <p>{text('imports.added')}</p>}
      then={({ id }) => goTo(importPath(id))}
    />
  )
}

/** The exact texts of the chosen files, because a signature covers their bytes. */
async function textsOf(values: Values): Promise<Record<string, string>> {
  const texts: Record<string, string> = {}
  for (const [name, most] of Object.entries(MOST)) {
    const file = values[name]
    if (!(file instanceof File)) continue
    if (file.size > most) throw new ApiFault(413, { message: text('imports.tooLarge', { name: file.name }) })
    const bytes = await file.arrayBuffer()
    try {
      texts[name] = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw new ApiFault(400, { message: text('imports.noText', { name: file.name }) })
    }
  }
  return texts
}
