/** The house rules of DESIGN.md and style.md that a program can check. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const MAX_LINES = 400
const MAX_TEST_LINES = 800
const MAX_FUNCTION_LINES = 70
/** At most one file in twenty may be longer. */
const LONG_LINES = 300

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** What is or would be committed: tracked, or new and not ignored. */
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)))
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

const isCode = (file: string) => /\.(ts|tsx|mjs|cjs)$/.test(file)
const isTest = (file: string) => file.startsWith('test/')
const code = files.filter(isCode)
const texts = files.filter((file) => !/\.(png|ico|svg|woff2?|qcow2|gz)$/.test(file))
const linesOf = (file: string) => textOf(file).split('\n').length - 1

const parse = (file: string): ts.SourceFile => {
  const kind = file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS
  return ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest, true, kind)
}

/** The functions of a file with their lines, those of functions inside them not counted. */
function functionsOf(file: string): { name: string; lines: number }[] {
  const source = parse(file)
  const lineAt = (at: number) => source.getLineAndCharacterOfPosition(at).line + 1
  const found: { name: string; lines: number }[] = []
  /** The lines of the functions in a node, each with what is inside of it. */
  const visit = (node: ts.Node): number => {
    let inside = 0
    ts.forEachChild(node, (child) => void (inside += visit(child)))
    if (!ts.isFunctionLike(node) || !('body' in node) || !node.body) return inside
    const line = lineAt(node.getStart())
    const lines = lineAt(node.getEnd()) - line + 1
    const isGroup = node.parent.getText().startsWith('describe')
    if (!isGroup) found.push({ name: `${file}:${line}`, lines: lines - inside })
    return lines - 1
  }
  visit(source)
  return found
}

const usesAny = (node: ts.Node): boolean =>
  node.kind === ts.SyntaxKind.AnyKeyword ||
  Boolean(ts.forEachChild(node, (n) => usesAny(n) || undefined))

/** `file:line: text` of each line that matches. */
function found(pattern: RegExp, among: string[]): string[] {
  return among.flatMap((file) =>
    textOf(file)
      .split('\n')
      .flatMap((line, i) =>
        pattern.test(line) ? [`${file}:${i + 1}: ${line.trim().slice(0, 80)}`] : [],
      ),
  )
}

/** Written so that this file does not find itself. */
const word = (...parts: string[]) => parts.join('')

describe('sizes', () => {
  it(`a file has at most ${MAX_LINES} lines, a test ${MAX_TEST_LINES}`, () => {
    const tooLong = code
      .filter((file) => linesOf(file) > (isTest(file) ? MAX_TEST_LINES : MAX_LINES))
      .map((file) => `${file}: ${linesOf(file)}`)
    expect(tooLong).toEqual([])
  })

  it(`nineteen files of twenty have at most ${LONG_LINES}`, () => {
    const own = code.filter((file) => !isTest(file))
    const long = own.filter((file) => linesOf(file) > LONG_LINES)
    expect(long.length, long.join(', ')).toBeLessThanOrEqual(own.length / 20)
  })

  it(`a function has at most ${MAX_FUNCTION_LINES} lines`, () => {
    const tooLong = code.flatMap(functionsOf).filter(({ lines }) => lines > MAX_FUNCTION_LINES)
    expect(tooLong.map(({ name, lines }) => `${name}: ${lines}`)).toEqual([])
  })
})

describe('names', () => {
  const stem = (file: string) => basename(file).replace(/(\.(test|contract|states|d))?\.\w+$/, '')

  it('are kebab-case, components PascalCase', () => {
    const odd = code.filter((file) =>
      file.endsWith('.tsx') && /^web\/(pages|parts|ui)\//.test(file)
        ? !/^([A-Z][A-Za-z0-9]*|[a-z][a-z0-9-]*)$/.test(stem(file))
        : !/^\.?[a-z][a-z0-9]*(-[a-z0-9]+)*(\.config)?$/.test(stem(file)),
    )
    expect(odd).toEqual([])
  })

  it('say what is in the file', () => {
    const banned =
      /(^|[-.])(index|utils?|helpers?|common|misc|managers?|v\d+|old|tmp|backup)([-.]|$)/i
    expect(files.filter((file) => banned.test(basename(file)) && isCode(file))).toEqual([])
  })
})

describe('code', () => {
  const typescript = code.filter((file) => /\.tsx?$/.test(file))

  it('has no any and silences no compiler', () => {
    // Answers of the API are looked into by path. May only shrink.
    const told = typescript.filter((file) => textOf(file).includes('any') && usesAny(parse(file)))
    expect(told).toEqual(['test/support/client.ts'])
    expect(found(new RegExp(word('@ts-', '(ignore|nocheck)')), typescript)).toEqual([])
  })

  it('imports with extensions and exports no defaults but where a tool asks for one', () => {
    expect(found(/from '\.{1,2}\/[^']*(?<!\.\w+)'/, typescript)).toEqual([])
    expect(found(/^export \* from/, typescript)).toEqual([])
    const tools = /(\.config\.ts|global-setup\.ts)$/
    const ours = typescript.filter((file) => !tools.test(file))
    expect(found(/^export default/, ours)).toEqual([])
  })

  it('names the owner of what is left to do', () => {
    const left = `${word('TO', 'DO')}(?!\\(#\\d+\\))|${word('FIX', 'ME')}|${word('XX', 'X')}\\b`
    expect(found(new RegExp(left), texts)).toEqual([])
  })

  it('runs every test, and sleeps in none', () => {
    const sleep = new RegExp(`${word('set', 'Timeout')}\\(\\w+, \\d`)
    expect(found(sleep, code.filter(isTest))).toEqual([])
    const only = new RegExp(
      `\\b(it|test|describe)\\.(${word('on', 'ly')}|${word('sk', 'ip')}|${word('to', 'do')})\\b`,
    )
    // These say why. May only shrink.
    const hosts = ['test/support/host.ts', 'test/drivers/compute.contract.ts']
    const tests = code.filter((file) => isTest(file) && !hosts.includes(file))
    expect(found(only, tests)).toEqual([])
  })
})

describe('the tree', () => {
  it('knows nothing of the machine it was written on', () => {
    const paths = new RegExp(`(^|[^\\w.])/${word('(wo', 'rk|ro', 'ot|ho', 'me)')}/\\w`)
    // Guests have a root of their own.
    const told = found(paths, texts).filter(
      (line) => !/^(scripts|test\/image)\/guest-image/.test(line),
    )
    expect(told).toEqual([])
  })

  it('names no package registry, and the lock file no address', () => {
    const registry = new RegExp(
      word('registry', '\\.npmjs|npm', 'mirror|art', 'ifactory|ver', 'daccio'),
    )
    expect(found(registry, texts)).toEqual([])
    expect(found(/"resolved": "http/, ['package-lock.json'])).toEqual([])
  })

  it('has documents whose links lead somewhere', () => {
    const broken = files
      .filter((file) => extname(file) === '.md')
      .flatMap((file) => {
        const links = [...textOf(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
          (m) => m[1] ?? '',
        )
        return links
          .filter((link) => !existsSync(join(root, dirname(file), link)))
          .map((link) => `${file}: ${link}`)
      })
    expect(broken).toEqual([])
  })

  it('has documents that name files which are there', () => {
    const path =
      /`((?:docs|drivers|prisma|resolvers|schema|scripts|server|services|test|web|workers)\/[\w./-]+)`/g
    const missing = files
      .filter((file) => extname(file) === '.md')
      .flatMap((file) =>
        [...textOf(file).matchAll(path)]
          .map((m) => m[1] ?? '')
          .filter((name) => !existsSync(join(root, name)))
          .map((name) => `${file}: ${name}`),
      )
    expect(missing).toEqual([])
  })
})
