/**
 * Compiles the check of a statement's shape into standalone code, which replaces
 * peer/reconciliation/shapes.ts in the page.
 */
import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import standalone from 'ajv/dist/standalone/index.js'
import { parse } from 'yaml'

/**
 * A module that exports `createShapes` with only `statement`, because the page reads nothing else of
 * reconciliation.
 */
export async function compileStatementShape(): Promise<string> {
  const file = new URL('../../../schemas/reconciliation.yaml', import.meta.url)
  const ajv = new Ajv2020({ strict: false, allErrors: false, code: { source: true, esm: true } })
  ajv.addSchema(parse(await readFile(file, 'utf8')) as object, 'reconciliation')
  const validate = ajv.compile({ $id: 'statement', $ref: 'reconciliation#/$defs/statement' })
  const code = standalone.default(ajv, { validate: 'statement' })
  if (validate === undefined) throw new Error('there is no shape of a statement')
  let helpers = 0
  const imports: string[] = []
  // ajv writes require() for its own small functions even when it writes modules.
  const body = code.replace(/require\("([^"]+)"\)/g, (_, from: string) => {
    helpers += 1
    imports.push(`import * as helper${helpers} from '${from}.js'`)
    return `helper${helpers}`
  })
  return `${imports.join('\n')}
import { refuse } from '#security-server/features/reconciliation/refuse-shape.ts'
${body}
export async function createShapes() {
  return {
    statement(value) {
      if (!validate(value)) refuse(validate.errors)
      return value
    },
  }
}
`
}
