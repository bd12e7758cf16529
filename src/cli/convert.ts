import { Command } from 'commander';
import { OutputExistsError } from './exit.ts';
import { exists, openModel } from './open-model.ts';
import { examples } from './text.ts';

export const convertCommand = (): Command =>
  new Command('convert')
    .argument(
      '<input>',
      'output folder of tfk train, or a file: .keras, .h5, .onnx, model.json of TensorFlow.js',
    )
    .argument(
      '<output>',
      '.keras, .h5, .onnx, model.json; or weights alone: .weights.h5, .weights.json, .safetensors, .npz',
    )
    .option('--no-overwrite', 'refuse to replace a file')
    .addHelpText(
      'after',
      examples(
        ['tfk convert model.h5 model.keras'],
        ['tfk convert runs/mnist mnist.safetensors', 'weights alone'],
      ),
    )
    .action(convert);

async function convert(
  from: string,
  to: string,
  { overwrite }: { readonly overwrite: boolean },
): Promise<void> {
  if (!overwrite && (await exists(to))) throw new OutputExistsError(`${to} exists already.`);
  const model = await openModel(from);
  if (/\.keras$|(?<!\.weights)\.h5$/.test(to)) await model.save(to);
  else if (/\.onnx$|model\.json$/.test(to)) await model.export(to);
  else await model.saveWeights(to);
  console.error(`${to} written.`);
}
