/** What the documents name is there: files, commands and settings. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS } from '../server/config.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')
const git = ['ls-files', '-co', '--exclude-standard']
const files = execFileSync('git', git, { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)))
const documents = files.filter((file) => file.endsWith('.md'))

const PATH =
  /(?<![\w/.-])(?:services|server|resolvers|workers|drivers|schema|prisma|web|test|scripts|docs|\.ci)\/[\w./*{},<>-]*/g
const LINK = /\]\(([^)#:]+)/g
const COMMAND = /npm run ([\w:]+)/g
const VARIABLE = /\bNEPHO_[A-Z_]*[A-Z]\b/g

/** What each of the documents names and `isThere` does not know: `README.md: services/none.ts`. */
function missing(named: RegExp, isThere: (name: string, document: string) => boolean): string[] {
  return documents.flatMap((document) =>
    [...textOf(document).matchAll(named)]
      .map((match) => match[1] ?? match[0])
      .filter((name) => !isThere(name, document))
      .map((name) => `${document}: ${name}`),
  )
}

/** A path of the documents: `placement*.ts`, `{domain,user}.ts`, `<noun>.ts`, or a folder. */
function isFile(path: string): boolean {
  const choice = /\{([^}]*)\}/.exec(path)
  if (choice) {
    const [all, names = ''] = choice
    return names.split(',').every((name) => isFile(path.replace(all, name)))
  }
  const pattern = path
    .replace(/[/.,]+$/, '')
    .replace(/<\w+>/g, '*')
    .replaceAll('.', '\\.')
    .replaceAll('*', '[^/]*')
  const named = new RegExp(`^${pattern}(/|$)`)
  return files.some((file) => named.test(file))
}

describe('documents', () => {
  it('name files that there are', () => {
    expect(missing(PATH, isFile)).toEqual([])
  })

  it('link to what there is', () => {
    const isLinked = (link: string, from: string) => existsSync(join(root, dirname(from), link))
    expect(missing(LINK, isLinked)).toEqual([])
  })

  it('name commands that there are', () => {
    const { scripts } = JSON.parse(textOf('package.json'))
    expect(missing(COMMAND, (name) => Object.hasOwn(scripts, name))).toEqual([])
  })

  it('name settings that there are', () => {
    const known: string[] = ['NEPHO_CONFIG', ...Object.values(SETTINGS).map((s) => s.environment)]
    expect(missing(VARIABLE, (name) => known.includes(name))).toEqual([])
  })
})

describe('the example of the settings', () => {
  const example = textOf('nephograph.example.yaml')
  const uncommented = example.replace(/^# (?=\w+: )/gm, '')

  it('has a line for every setting, with its name in the environment', () => {
    const undocumented = Object.entries(SETTINGS).filter(
      ([name, { environment }]) =>
        !new RegExp(`^${name}: .* # ${environment}\\b`, 'm').test(uncommented),
    )
    expect(undocumented.map(([name]) => name)).toEqual([])
  })

  it('has no other', () => {
    expect(
      Object.keys(parse(uncommented)).filter((name) => !Object.hasOwn(SETTINGS, name)),
    ).toEqual([])
  })
})
