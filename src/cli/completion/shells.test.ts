// Tab in real shells, against an agent with hand-made pods.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeAgent, run } from '../fake-agent.fixture.ts';
import { SHELLS } from './index.ts';
import { sampleNode } from './sample-node.fixture.ts';
import { isInstalled, startShell } from './shell.fixture.ts';

for (const shell of SHELLS) {
  const missing = ['tmux', shell].filter((program) => !isInstalled(program));
  const skip = missing.length === 0 ? false : `${missing.join(' and ')} not installed`;

  test(`Tab in ${shell}: commands, options, pods, pids and files`, { skip, timeout: 300_000 }, async (t) => {
    const { api } = await fakeAgent(t, sampleNode);
    const terminal = await startShell(t, shell, api);
    const { press, until, clear, directory } = terminal;

    await press('cognitod stre', 'Tab');
    await until(/> cognitod stream( |$)/m);
    await press('--wor', 'Tab', 'deployment/w', 'Tab');
    await until(/> cognitod stream --workload deployment\/worker( |$)/m);

    await clear();
    await press('cognitod ps --pod=sh', 'Tab');
    await until(/> cognitod ps --pod=shop\/api-2c4( |$)/m);

    await clear();
    await press('cognitod ps --pod pay', 'Tab');
    await until(/> cognitod ps --pod payments\//);
    await press('a', 'Tab');
    await until(/> cognitod ps --pod payments\/api-7f9( |$)/m);

    await clear();
    await press('cognitod ps --pid 4', 'Tab', 'Tab', 'Tab');
    // With what they are, and harmless.
    await until(/4211 .*curl -s http:\/\/example\.org\/[\s\S]*4212 .*touch evil.*\\x1b/);

    await clear();
    writeFileSync(join(directory, 'my settings.yaml'), '');
    await press('cognitod ps --config my', 'Tab');
    await until(/my\\ settings\.yaml|'my settings\.yaml'/);
    await clear();
    await press('cognitod ps --config=my', 'Tab');
    await until(/--config=(my\\ settings\.yaml|'my settings\.yaml')/);

    await clear();
    await press("cognitod ps --pod 'shop/", 'Tab');
    await until(/shop\/api-2c4/);
    await clear();
    await press('cognitod ps --comm ', 'Tab', 'Tab');
    await until(/kswapd0/);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes('evil')),
      [],
    );
  });
}

test('a script as JSON, and no script for other shells', async () => {
  const { stdout } = await run(['completion', 'fish', '--json']);
  assert.match(JSON.parse(stdout).script, /^# cognitod in fish/);
  const { code, stderr } = await run(['completion', 'tcsh']);
  assert.equal(code, 2);
  assert.match(stderr, /Allowed choices are bash, zsh, fish/);
});
