import { useComputedColorScheme } from '@mantine/core';
import { LineChart as Lines } from 'echarts/charts';
import {
  GridComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import { useWords } from '../i18n';
import type { TrendAnswer, TrendSeries } from '../logic/answers';
import type { Interval } from '../logic/dates';
import type { Format } from '../logic/format';
import type { Mark } from '../logic/saved';
import { dark, light, type Tokens } from '../theme/tokens';
import styles from './trend.module.css';

echarts.use([
  Lines,
  GridComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  CanvasRenderer,
]);

interface Props {
  answer: TrendAnswer;
  names: string[];
  hidden: ReadonlySet<string>;
  interval: Interval;
  label: string;
  /** Annotations, numbered as they are listed below the chart. */
  marks?: readonly Mark[];
}

/** A series without a line of its own that carries the annotations. */
function marksSeries(marks: readonly Mark[], tokens: Tokens, format: Format, font: string) {
  return {
    type: 'line' as const,
    data: [],
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: tokens.note, type: 'dotted' as const, width: 1.5 },
      label: { color: tokens.note, fontFamily: font, fontSize: 12, fontWeight: 600 as const },
      data: marks.map((mark, i) => ({
        xAxis: mark.from,
        label: { formatter: format.count(i + 1), distance: 2 },
      })),
    },
    markArea: {
      silent: true,
      itemStyle: { color: tokens.note, opacity: 0.09 },
      data: marks
        .filter((mark) => mark.to > mark.from)
        .map((mark) => [{ xAxis: mark.from }, { xAxis: mark.to }] as [{ xAxis: number }, { xAxis: number }]),
    },
  };
}

/** The line up to the last finished bucket, and the dashed rest that starts where it ends. */
function split(series: TrendSeries): { solid: (number | null)[]; dashed: (number | null)[] } {
  const firstOpen = series.final.findIndex((final) => !final);
  if (firstOpen < 0) return { solid: series.values, dashed: [] };
  return {
    solid: series.values.map((v, i) => (i < firstOpen ? v : null)),
    dashed: series.values.map((v, i) => (i >= firstOpen - 1 ? v : null)),
  };
}

// Built from elements: the tooltip's own HTML would carry style attributes, which the page's
// policy refuses.
function tip(props: Props, index: number, tokens: Tokens, format: Format, running: string) {
  const box = document.createElement('div');
  box.className = styles.tip ?? '';
  const head = document.createElement('p');
  const open = props.answer.series[0]?.final[index] === false;
  head.textContent =
    format.bucket(props.answer.intervals[index] ?? '', props.interval) +
    (open ? ` · ${running}` : '');
  box.append(head);
  props.answer.series.forEach((series, i) => {
    const name = props.names[i] ?? '';
    if (props.hidden.has(name)) return;
    const line = document.createElement('div');
    const mark = document.createElement('i');
    mark.style.background = tokens.series[i % tokens.series.length] ?? '';
    const text = document.createElement('span');
    text.textContent = name;
    const value = document.createElement('b');
    const number = series.values[index];
    value.textContent = number === null || number === undefined ? '–' : format.count(number);
    line.append(mark, text, value);
    box.append(line);
  });
  return box;
}

function optionOf(props: Props, tokens: Tokens, format: Format, running: string, font: string) {
  const { answer, names, hidden, interval } = props;
  const few = answer.intervals.length <= 40;
  const marks = props.marks ?? [];
  const lines = answer.series.flatMap((series, i) => {
    const name = names[i] ?? '';
    if (hidden.has(name)) return [];
    const colour = tokens.series[i % tokens.series.length] ?? tokens.accent;
    const { solid, dashed } = split(series);
    const shared = {
      type: 'line' as const,
      name,
      color: colour,
      symbol: 'circle',
      symbolSize: 5,
      showSymbol: few && answer.series.length === 1,
      emphasis: { disabled: true },
    };
    const area =
      answer.series.length === 1 ? { areaStyle: { color: colour, opacity: 0.08 } } : {};
    return [
      { ...shared, data: solid, lineStyle: { width: 2 }, ...area },
      { ...shared, data: dashed, lineStyle: { width: 2, type: 'dashed' as const }, ...area },
    ];
  });
  const text = { color: tokens.muted, fontFamily: font, fontSize: 12 };
  return {
    animation: false,
    textStyle: { fontFamily: font },
    grid: { left: 4, right: 16, top: marks.length > 0 ? 24 : 12, bottom: 4, containLabel: true },
    xAxis: {
      type: 'category' as const,
      data: answer.intervals,
      boundaryGap: false,
      axisLine: { lineStyle: { color: tokens.lineStrong } },
      axisTick: { show: false },
      axisLabel: {
        ...text,
        hideOverlap: true,
        margin: 10,
        formatter: (start: string) => format.shortBucket(start, interval),
      },
    },
    yAxis: {
      type: 'value' as const,
      min: 0,
      splitNumber: 4,
      minInterval: 1,
      splitLine: { lineStyle: { color: tokens.line } },
      axisLabel: { ...text, formatter: (value: number) => format.count(value) },
    },
    tooltip: {
      trigger: 'axis' as const,
      confine: true,
      transitionDuration: 0,
      backgroundColor: tokens.raised,
      borderColor: tokens.lineStrong,
      padding: [8, 12],
      textStyle: { color: tokens.text, fontFamily: font, fontSize: 13 },
      axisPointer: { type: 'line' as const, lineStyle: { color: tokens.lineStrong } },
      formatter: (points: unknown) => {
        const index = (points as { dataIndex: number }[])[0]?.dataIndex ?? 0;
        return tip(props, index, tokens, format, running);
      },
    },
    series: marks.length > 0 ? [...lines, marksSeries(marks, tokens, format, font)] : lines,
  };
}

export default function LineChart(props: Props) {
  const { t, format } = useWords();
  const scheme = useComputedColorScheme('light');
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts>(null);

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const made = echarts.init(element, null, { renderer: 'canvas' });
    chart.current = made;
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    const draw = () => {
      const font = getComputedStyle(document.body).fontFamily;
      chart.current?.setOption(
        optionOf(props, scheme === 'dark' ? dark : light, format, t('trend.running'), font),
        { notMerge: true },
      );
    };
    draw();
    // A canvas does not draw itself again when its font arrives.
    let live = true;
    void document.fonts.ready.then(() => live && draw());
    return () => {
      live = false;
    };
  }, [props, scheme, format, t]);

  return <div ref={box} className={styles.chart} role="img" aria-label={props.label} />;
}
