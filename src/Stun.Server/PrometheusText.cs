using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Stun.Server;

/// <summary>Prints what a meter's observable counters and gauges say, in Prometheus' text format (version 0.0.4).</summary>
public static class PrometheusText
{
    /// <summary>What to say of the text in an HTTP answer.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>The text of all observable instruments in <c>long</c> of <paramref name="meter"/>.</summary>
    public static string Of(Meter meter)
    {
        var text = new StringBuilder();
        Instrument? current = null;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter, meter)) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            bool isCounter = instrument is ObservableCounter<long>; // Else it goes up and down.
            string name = NameOf(instrument.Name) + (isCounter ? "_total" : "");
            if (!ReferenceEquals(instrument, current)) text.Append("# HELP ").Append(name).Append(' ').Append(instrument.Description).Append("\n# TYPE ").Append(name).Append(isCounter ? " counter\n" : " gauge\n");
            current = instrument; // The values of one instrument come in one go.
            AppendSample(text.Append(name), tags).Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return text.ToString();
    }

    private static StringBuilder AppendSample(StringBuilder text, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        char before = '{';
        foreach ((string name, object? value) in tags)
        {
            text.Append(before).Append(NameOf(name)).Append("=\"").Append(value).Append('"'); // Our own words: nothing to escape.
            before = ',';
        }

        return tags.IsEmpty ? text : text.Append('}');
    }

    private static string NameOf(string name) => name.Replace('.', '_');
}
